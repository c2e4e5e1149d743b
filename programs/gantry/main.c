/* SPDX-License-Identifier: Apache-2.0 */
/* gantry: Docker's command line for gantryd, and for any daemon that speaks the Docker Engine API. */
#include "programs/gantry/client.h"
#include "programs/gantry/tree.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static struct client client;
	int status = command_main(tree_root(), &client, argc, argv);

	client_done(&client);
	if (fflush(stdout) != 0 && status == 0)
		return 1;
	return status;
}
