#!/bin/sh
# Makes the component of app.py and the contract in wit/.
set -eu
mkdir -p build
# The parts of WASI that a compiler cannot have, such as sockets, are stubs: nothing here calls them.
componentize-py -d wit -w compiler componentize --stub-wasi app -o build/compiler-name.wasm
