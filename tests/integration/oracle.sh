#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantryd's answers against those that Docker 28.5 gave (scripts/oracle).
exec "$GANTRY_SOURCE_DIR/scripts/oracle" check
