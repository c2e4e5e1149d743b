/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/data.h"

#define EMBED(symbol, file)                                            \
	__asm__(".pushsection .rodata." #symbol ", \"a\", %progbits\n" \
		".globl " #symbol "\n"                                 \
		".hidden " #symbol "\n"                                \
		".type " #symbol ", %object\n" #symbol ":\n"           \
		".incbin \"" DATA_DIR "/" file "\"\n"                  \
		".byte 0\n"                                            \
		".size " #symbol ", . - " #symbol "\n"                 \
		".popsection\n")

EMBED(data_seccomp_default, "seccomp-default.json");
EMBED(data_config, "config.json");
