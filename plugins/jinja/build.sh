#!/bin/sh
# Makes the component of app.py, the packages of requirements.txt and the contract.
set -eu
rm -rf build/packages
mkdir -p build
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target build/packages -r requirements.txt
# MarkupSafe's faster half is code for this machine; without it, it is Python.
find build/packages -name '*.so' -delete
# The parts of WASI that a compiler cannot have, such as sockets, are stubs: nothing here calls them.
componentize-py -d ../../wit/prefab-compiler -w modular-compiler \
    componentize --stub-wasi -p . -p build/packages app -o build/jinja.wasm
