"""Campaign: columns, posts, and the shares that volunteers made of them."""
