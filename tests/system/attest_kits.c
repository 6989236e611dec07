/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in files, for tests of the installed library: attest_kits FOLDER writes for each form
 * NAME.evidence, NAME.evidence2, NAME.0.collateral and so on, and NAME.root (the root's hash in hex).
 */
#include <stdio.h>

#include "base/hex.h"
#include "kit.h"

static bool write_file(const char *folder, const char *name, const char *end, struct ds_span bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, end);
    DS_AUTO(ds_auto_fclose) FILE *file = fopen(path, "wb");
    if (file != NULL && fwrite(bytes.p, 1, bytes.len, file) == bytes.len && fflush(file) == 0)
        return true;
    (void)fprintf(stderr, "%s cannot be written\n", path);
    return false;
}

static bool write_kit(const char *folder, enum kit_form form)
{
    DS_AUTO(kit_done) struct kit k = kit_new(form);
    const char *name = kit_name(form);
    bool ok = write_file(folder, name, "evidence", k.evidence[0]) &&
              write_file(folder, name, "evidence2", k.evidence[1]) &&
              write_file(folder, name, "root", ds_span_str(DS_HEX(DS_SPAN_OF(k.root32))));
    for (size_t i = 0; ok && i < k.n_documents; i++) {
        char end[32];
        (void)snprintf(end, sizeof end, "%zu.collateral", i);
        ok = write_file(folder, name, end, k.documents[i]);
    }
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = argc == 2;
    for (int form = 0; ok && form < KIT_N_FORMS; form++)
        ok = write_kit(argv[1], (enum kit_form)form);
    return ok ? 0 : 1;
}
