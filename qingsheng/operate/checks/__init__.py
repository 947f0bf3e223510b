"""What ``qingsheng doctor`` looks at, one module for each thing that may be ill."""
