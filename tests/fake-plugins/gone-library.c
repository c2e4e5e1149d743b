/* SPDX-License-Identifier: Apache-2.0 */
/* What missing-dependency is linked with; it lies where nobody looks. */
__attribute__((visibility("default"))) void gantry_test_gone(void);
void gantry_test_gone(void)
{
}
