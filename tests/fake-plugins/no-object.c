/* SPDX-License-Identifier: Apache-2.0 */
/* Exports nothing. */
extern const int gantry_something;
__attribute__((visibility("default"))) const int gantry_something = 1;
