"""Measurers: what a picture shows, as numbers and a vector, by models that run here."""
