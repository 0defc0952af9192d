"""Changed code over old journals: what would be different, and whether it may be deployed."""
