"""The story's chapters: each plays its rows through the doors of one service, and prints what it did."""
