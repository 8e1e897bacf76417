"""招采平台: SOHO's procurement platform, as far as the signing platform meets it."""
