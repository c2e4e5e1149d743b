/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/terminal.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool is_raw;

void terminal_restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	is_raw = false;
}

int terminal_make_raw(struct error *err)
{
	static bool registered;
	struct termios raw;

	if (is_raw || tcgetattr(STDIN_FILENO, &before) < 0)
		return 0;
	raw = before;
	cfmakeraw(&raw);
	if (!registered && atexit(terminal_restore) != 0)
		return error_sys(err, ENOMEM, "cannot set the terminal up");
	registered = true;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return error_sys(err, errno, "cannot set the terminal up");
	is_raw = true;
	return 0;
}

bool terminal_size(unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || (w.ws_row == 0 && w.ws_col == 0))
		return false;
	*ret_rows = w.ws_row;
	*ret_columns = w.ws_col;
	return true;
}

/* ---- keys --------------------------------------------------------------------------------- */
/* "a", "ctrl-p", "ctrl-[": the byte, or -EINVAL. */
static int key_of(const char *text)
{
	const char *c = str_after(text, "ctrl-");

	if (strlen(text) == 1)
		return (unsigned char)text[0];
	if (!c || strlen(c) != 1)
		return -EINVAL;
	if (*c >= 'a' && *c <= 'z')
		return *c - 'a' + 1;
	if (*c == '@')
		return 0;
	return strchr("[\\]^_", *c) ? *c - '[' + 27 : -EINVAL;
}

int keys_parse(const char *text, struct keys *ret, struct error *err)
{
	auto_str_list char **parts = NULL;
	struct keys k = { .n = 0 };

	if (!text || !text[0])
		text = "ctrl-p,ctrl-q";
	if (str_split(text, ',', 0, &parts) < 0)
		return error_sys(err, ENOMEM, "cannot read the detach keys");
	for (size_t i = 0; parts[i]; i++) {
		int key = key_of(parts[i]);
		if (key < 0)
			return error_invalid(err, "invalid detach keys (%.100s): unknown character: '%.50s'",
				text, parts[i]);
		if (k.n == KEYS_MAX)
			return error_invalid(
				err, "invalid detach keys (%.100s): more than %d keys", text, KEYS_MAX);
		k.key[k.n++] = (unsigned char)key;
	}
	*ret = k;
	return 0;
}

size_t keys_filter(struct keys *k, const char *in, size_t n, char *out, bool *ret_found)
{
	size_t count = 0;

	*ret_found = false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)in[i];
		if (c == k->key[k->matched]) {
			if (++k->matched == k->n) {
				*ret_found = true;
				return count;
			}
			continue;
		}
		memcpy(out + count, k->key, k->matched);
		count += k->matched;
		k->matched = c == k->key[0] && k->n > 1;
		if (!k->matched)
			out[count++] = (char)c;
	}
	return count;
}
