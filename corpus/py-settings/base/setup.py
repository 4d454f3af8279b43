from setuptools import setup

setup(name="settings", version="2.1.0", packages=["settings"])
