"""PDF work on strangers' files, in processes of their own with limits."""
