"""Environments: the package as users install it, beside other packages.

contents   what a source distribution and a wheel must and must not contain
machine    commands and virtual environments outside of this checkout
wheel      `make wheel`: checks dist/ and installs the wheel without network and compiler
beside     `make environments`: the wheel beside the packages of other traders
"""
