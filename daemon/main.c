/* argv to verb; everything else is in daemon/cli. */
#include "daemon/cli/cli.h"

int main(int argc, char **argv)
{
	return sn_cli_main(argc, argv);
}
