/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine table: found by name, and chosen by what the host says.
 */
#include "vmm/machine.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/scope.h"

static void test_rows_are_found_by_their_names(void **state)
{
    (void)state;
    unsigned bits = 0;
    for (size_t i = 0; vmm_machine_at(i) != NULL; i++) {
        assert_ptr_equal(vmm_machine_find(vmm_machine_at(i)->name), vmm_machine_at(i));
        assert_int_equal(bits & vmm_machine_at(i)->bit, 0);
        bits |= vmm_machine_at(i)->bit;
    }
    assert_null(vmm_machine_find(""));
    assert_null(vmm_machine_find("TDX"));
}

struct detect_row {
    const char *claim, *cpuinfo, *kvm_tdx, *machine;
};

static const struct detect_row detects[] = {
    { "nothing known", "", "", "simulated" },
    { "plain processor", "flags : fpu sev sev_es\n", "N\n", "simulated" },
    { "SNP flag", "flags : fpu sev sev_es sev_snp\n", "", "snp" },
    { "TDX on", "flags : fpu\n", "Y\n", "tdx" },
    { "TDX on, as a number", "flags : fpu\n", "1\n", "tdx" },
    { "a flag that only ends alike is none", "flags : fpu xsev_snp\n", "", "simulated" },
};

static void test_detect(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(detects); i++) {
        const struct detect_row *row = &detects[i];
        const struct vmm_machine *m = vmm_machine_detect(ds_span_str(row->cpuinfo),
                                                         ds_span_str(row->kvm_tdx));
        if (strcmp(m->name, row->machine) != 0)
            fail_msg("%s: got %s", row->claim, m->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_found_by_their_names),
        cmocka_unit_test(test_detect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
