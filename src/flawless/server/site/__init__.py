"""What browsers are served: the web UI, the login page, and `flawless.js`."""
