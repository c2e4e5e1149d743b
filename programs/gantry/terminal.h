/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal: raw mode that is undone at the end of the program, its size, keys to detach. */
#ifndef GANTRY_PROGRAMS_GANTRY_TERMINAL_H
#define GANTRY_PROGRAMS_GANTRY_TERMINAL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Standard input becomes raw when it is a terminal; undone by terminal_restore, which exit calls as well. */
int terminal_make_raw(struct error *err);
void terminal_restore(void);

/* Of standard output; false: it is no terminal. */
bool terminal_size(unsigned *ret_rows, unsigned *ret_columns);

/* A sequence of keys to look for in what is typed. */
#define KEYS_MAX 16
struct keys {
	unsigned char key[KEYS_MAX];
	size_t n, matched;
};

/* "ctrl-p,ctrl-q", "ctrl-],x"; NULL or "": the default.  INVALID: Docker's words. */
int keys_parse(const char *text, struct keys *ret, struct error *err);

/* Moves what is typed from in to out (room: n + KEYS_MAX), holding back what may begin the sequence.  Returns
 * the count; *ret_found: the sequence was typed, what follows is dropped. */
size_t keys_filter(struct keys *k, const char *in, size_t n, char *out, bool *ret_found);

#endif
