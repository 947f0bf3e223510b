"""A whole deployment as files: a consistent copy of the database, and the topics with their offsets."""
