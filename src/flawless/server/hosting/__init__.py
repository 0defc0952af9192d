"""How an application is served: by a server of our own, or inside of another application."""
