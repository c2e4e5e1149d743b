#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every driver of the build keeps the contract of its kind.
exec "$GANTRY_BUILD_DIR/bin/gantry-plugin-check" "$GANTRY_BUILD_DIR/tests/fake-plugins/good.so" "$GANTRY_BUILD_DIR"/lib/gantry/plugins/*.so
