"""Remote signing: the Cloud Signature Consortium API v2.0 of a CA that keeps organisations' keys itself."""
