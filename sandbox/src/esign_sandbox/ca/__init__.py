"""A certification authority: issuing, OCSP, CRL and time-stamping. Its policy is CA-POLICY.md."""
