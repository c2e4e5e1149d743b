#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every driver of the build keeps the contract of its kind.
exec "$1/bin/gantry-plugin-check" "$1/tests/fake-plugins/good.so" "$1"/lib/gantry/plugins/*.so
