"""What goes over the wire, whatever it is about: documents, problems, bodies, queries, headers."""
