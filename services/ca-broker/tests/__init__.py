"""Tests of the ca-broker."""
