"""Schedules: crawl jobs that start by themselves."""
