"""Modules that older Pythons lack."""
