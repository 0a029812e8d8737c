"""Scoring: trained models, their bundles on disk, and the vectors that they give."""
