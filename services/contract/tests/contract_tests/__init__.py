"""Tests of the contract service."""
