"""HTTP: the API with its OpenAPI document, the feed, pictures, the console's files."""
