"""The formats of list files, one module each. A reader is made per file: some remember what they read before."""
