/* make_state NAME FILE: write one of the made-up states, for tests of commands. */
#include "../unit/tools/states.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct poolproof_state *s = argc == 3 ? state_sample(argv[1]) : NULL;
    FILE *out = s ? fopen(argv[2], "wb") : NULL;

    if (!out || fwrite(s, pp_state_size(), 1, out) != 1 || fclose(out)) {
        fputs("usage: make_state none|two|later|many|hostile FILE\n", stderr);
        return 2;
    }
    return 0;
}
