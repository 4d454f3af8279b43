from setuptools import setup

setup(name="bundled", version="1.0", packages=["bundled", "bundled.iniconfig"])
