"""Moving over a path, forwards and backwards: what the prompt and editors drive."""
