/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a shape is what measuring it gives: for shapes that differ in one member,
 * beyond the bound, and for threads at once. What cannot be measured is not remembered.
 */
#include "verifier/shapes.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"

#define MIB       ((uint64_t)1 << 20)
#define N_THREADS 4

static const struct measure_shape plain = { .qemu_major = 11,
                                            .vcpus = 2,
                                            .memory_bytes = 2048 * MIB,
                                            .n_nics = 1 };

static struct shapes *shapes;

static void check(const struct measure_shape *shape)
{
    struct measure_acpi told, made;
    struct ds_error e = { 0 };
    if (shapes_find(shapes, &told, shape, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(measure_acpi_find(&made, shape, NULL), DS_OK);
    assert_memory_equal(&told, &made, sizeof made);
}

/* Each member is part of what is compared; the second time nothing is measured. */
static void shapes_differ_by_each_member(void **state)
{
    struct measure_shape rows[5];
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        rows[i] = plain;
    rows[1].vcpus = 4;
    rows[2].memory_bytes += MIB;
    rows[3].n_nics = 0;
    rows[4].n_volumes = 1;
    for (size_t again = 0; again < 2; again++)
        for (size_t i = 0; i < DS_LEN(rows); i++) {
            check(&rows[i]);
            assert_int_equal(shapes_n(shapes), again == 0 ? i + 1 : DS_LEN(rows));
            for (size_t k = 0; k < DS_LEN(rows); k++)
                assert_int_equal(measure_shape_eq(&rows[i], &rows[k]), i == k);
        }
    rows[1] = rows[2] = plain; /* and two whose tables nobody knows */
    rows[1].qemu_major = 12;
    rows[2].tpm = true;
    assert_false(measure_shape_eq(&plain, &rows[1]));
    assert_false(measure_shape_eq(&plain, &rows[2]));
}

static void the_oldest_gives_way(void **state)
{
    struct measure_shape shape = plain;
    (void)state;
    for (size_t i = 0; i < SHAPES_MAX + 3; i++) {
        shape.memory_bytes = (512 + i) * MIB;
        check(&shape);
    }
    assert_int_equal(shapes_n(shapes), SHAPES_MAX);
    for (size_t i = SHAPES_MAX + 3; i-- > 0;) { /* those that are gone too */
        shape.memory_bytes = (512 + i) * MIB;
        check(&shape);
    }
    assert_int_equal(shapes_n(shapes), SHAPES_MAX);
}

static void what_cannot_be_measured_is_refused_each_time(void **state)
{
    struct measure_shape shape = plain;
    struct measure_acpi acpi;
    struct ds_error e = { 0 };
    (void)state;
    shape.memory_bytes = 1;
    for (size_t again = 0; again < 2; again++) {
        assert_int_equal(shapes_find(shapes, &acpi, &shape, &e), DS_ERR_UNSUPPORTED);
        assert_int_equal(e.code, DS_CODE_MEASURE_SHAPE_UNPROVEN);
    }
    assert_int_equal(shapes_n(shapes), 0);
}

static void *run_thread(void *arg)
{
    struct measure_shape shape = plain;
    size_t *n_bad = arg;
    for (size_t i = 0; i < 2 * SHAPES_MAX; i++) {
        struct measure_acpi told, made;
        shape.memory_bytes = (512 + i % (SHAPES_MAX + 8)) * MIB;
        *n_bad += shapes_find(shapes, &told, &shape, NULL) < 0 ||
                  measure_acpi_find(&made, &shape, NULL) < 0 ||
                  memcmp(&told, &made, sizeof made) != 0;
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    pthread_t threads[N_THREADS];
    size_t n_bad[N_THREADS] = { 0 };
    (void)state;
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &n_bad[i]), 0);
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(n_bad[i], 0);
    }
    assert_int_equal(shapes_n(shapes), SHAPES_MAX);
}

static int setup(void **state)
{
    (void)state;
    return shapes_new(&shapes, NULL);
}

static int teardown(void **state)
{
    (void)state;
    shapes_free(shapes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shapes_differ_by_each_member, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_measured_is_refused_each_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(threads_share_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
