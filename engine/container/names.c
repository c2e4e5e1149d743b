/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/names.h"

#include "lib/base/path.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static const char *const moods[] = { "able", "agile", "amber", "apt", "bold", "brave", "brisk", "calm",
	"clear", "clever", "cool", "deft", "eager", "fair", "fast", "fine", "firm", "fleet", "frank", "fresh",
	"gentle", "glad", "grand", "happy", "hardy", "honest", "humble", "jolly", "keen", "kind", "lively",
	"loyal", "lucid", "merry", "mild", "neat", "nimble", "noble", "patient", "plain", "polite", "proud",
	"quick", "quiet", "rapid", "ready", "sharp", "silent", "simple", "smart", "snug", "sober", "solid",
	"steady", "still", "strong", "sturdy", "sunny", "swift", "tidy", "trusty", "vivid", "warm", "wise" };
static const char *const things[] = { "anchor", "anvil", "arch", "awning", "barge", "beacon", "beam", "bell",
	"bolt", "boom", "bridge", "buoy", "cable", "capstan", "cart", "chain", "cleat", "compass", "coupler",
	"crane", "crate", "davit", "deck", "derrick", "dock", "dolly", "dredge", "drum", "ferry", "flange",
	"forge", "frame", "girder", "hatch", "hoist", "hook", "hull", "jetty", "jib", "keel", "ladder",
	"latch", "lever", "lighter", "lock", "mast", "mooring", "mortar", "pallet", "pier", "piston", "plank",
	"pulley", "quay", "rafter", "rail", "ramp", "rudder", "shackle", "spindle", "tackle", "tender",
	"trestle", "winch" };

static int is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int names_check(const char *name, const char **ret, struct error *err)
{
	const char *bare = name[0] == '/' ? name + 1 : name;
	size_t n = strlen(bare);
	int fine = n >= 2 && n <= 255 && is_alnum(bare[0]);

	for (size_t i = 1; fine && i < n; i++)
		fine = is_alnum(bare[i]) || strchr("_.-", bare[i]) != NULL;
	if (!fine)
		return error_invalid(
			err, "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	*ret = bare;
	return 0;
}

char *names_make(unsigned attempt, char buf[NAMES_SIZE])
{
	uint16_t r[3] = { 0 };

	if (getrandom(r, sizeof r, 0) < 0)
		r[0] = (uint16_t)attempt; /* a taken name is tried again with another attempt */
	int n = path_format(buf, NAMES_SIZE, "%s_%s", moods[r[0] % (sizeof moods / sizeof *moods)],
		things[r[1] % (sizeof things / sizeof *things)]);
	if (attempt > 0 && n == 0)
		path_format(buf + strlen(buf), NAMES_SIZE - strlen(buf), "%u", r[2] % 1000u);
	return buf;
}
