"""The five services. They share contracts and delivery code, and nothing else: none imports another."""
