"""As many digits as asked for, each of them certified."""
