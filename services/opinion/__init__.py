"""Opinion: tips about needs, questions and claims, never about persons, and public corrections."""
