/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measure room as a program, for the image build and the system tests:
 *
 *   measure doc FIRMWARE KERNEL INITRD CMDLINE-FILE OUT
 *       writes measurement.tdx.cbor
 *   measure acpi VCPUS MEMORY-MIB NICS VOLUMES
 *       prints the digests of the machine's ACPI blobs
 *   measure boot FIRMWARE KERNEL INITRD CMDLINE-FILE VCPUS MEMORY-MIB NICS VOLUMES
 *       prints the boot events and registers
 *
 * Output is one JSON object. A newline at the end of CMDLINE-FILE is not part
 * of the command line. People use `dstack image measure`.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/scope.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "measure/measure.h"

#define FILE_MAX ((size_t)1 << 30)

struct files {
    struct ds_buf firmware, kernel, initrd, cmdline;
};

static void files_done(struct files *f)
{
    ds_buf_done(&f->firmware);
    ds_buf_done(&f->kernel);
    ds_buf_done(&f->initrd);
    ds_buf_done(&f->cmdline);
}

/* argv: firmware, kernel, initrd, command line. */
static int measure_files_of(struct measure_image *ret, char *const *argv, struct ds_error *e)
{
    DS_AUTO(files_done) struct files f = { 0 };
    DS_TRY(ds_file_load(&f.firmware, argv[0], FILE_MAX, e));
    DS_TRY(ds_file_load(&f.kernel, argv[1], FILE_MAX, e));
    DS_TRY(ds_file_load(&f.initrd, argv[2], FILE_MAX, e));
    DS_TRY(ds_file_load(&f.cmdline, argv[3], FILE_MAX, e));
    struct ds_span cmdline = ds_buf_span(&f.cmdline);
    if (cmdline.len > 0 && cmdline.p[cmdline.len - 1] == '\n')
        cmdline.len--;
    const struct measure_files files = { .firmware = ds_buf_span(&f.firmware),
                                         .kernel = ds_buf_span(&f.kernel),
                                         .initrd = ds_buf_span(&f.initrd),
                                         .cmdline = cmdline };
    return measure_image_make(ret, &files, e);
}

/* argv: vCPUs, MiB, NICs, volumes. */
static int shape_of(struct measure_shape *ret, char *const *argv, struct ds_error *e)
{
    uint64_t v[4] = { 0 };
    for (size_t i = 0; i < DS_LEN(v); i++)
        DS_TRY(ds_str_u64(&v[i], ds_span_str(argv[i]), UINT32_MAX, e));
    *ret = (struct measure_shape){ .qemu_major = 11,
                                   .vcpus = (uint32_t)v[0],
                                   .memory_bytes = v[1] << 20,
                                   .n_nics = (uint32_t)v[2],
                                   .n_volumes = (uint32_t)v[3] };
    return DS_OK;
}

static int print(const struct ds_buf *b, const struct ds_jw *w, struct ds_error *e)
{
    DS_TRY(ds_jw_end(w, e, "output"));
    if (puts(b->p) < 0 || fflush(stdout) != 0)
        return ds_fail(e, DS_ERR_SYS, "cannot write to standard output");
    return DS_OK;
}

static int do_doc(char *const *argv, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    struct measure_image image;
    DS_TRY(measure_files_of(&image, argv, e));
    DS_TRY(measure_image_encode(&doc, &image, e));
    return ds_file_save(argv[4], ds_buf_span(&doc), 0644, "measure.doc", e);
}

static int do_acpi(char *const *argv, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct measure_shape shape;
    struct measure_acpi acpi;
    DS_TRY(shape_of(&shape, argv, e));
    DS_TRY(measure_acpi_find(&acpi, &shape, e));
    struct ds_jw w = ds_jw_of(&b);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "loader", DS_SPAN_OF(acpi.loader48));
    ds_jw_hex(&w, "rsdp", DS_SPAN_OF(acpi.rsdp48));
    ds_jw_hex(&w, "tables", DS_SPAN_OF(acpi.tables48));
    ds_jw_object_end(&w);
    return print(&b, &w, e);
}

static void put_boot(struct ds_jw *w, const struct measure_tdx *tdx)
{
    static const char *const rtmr[] = { "rtmr0", "rtmr1", "rtmr2" };
    ds_jw_object(w, NULL);
    ds_jw_hex(w, "mrtd", DS_SPAN_OF(tdx->mrtd48));
    for (size_t i = 0; i < DS_LEN(rtmr); i++)
        ds_jw_hex(w, rtmr[i], DS_SPAN_OF(tdx->rtmr48[i]));
    ds_jw_array(w, "events");
    for (size_t i = 0; i < tdx->n_events; i++) {
        const struct measure_event *event = &tdx->events[i];
        ds_jw_object(w, NULL);
        ds_jw_u64(w, "imr", event->imr);
        ds_jw_u64(w, "type", event->type);
        ds_jw_str(w, "name", event->name);
        ds_jw_hex(w, "digest", DS_SPAN_OF(event->digest48));
        ds_jw_hex(w, "payload", event->payload);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    ds_jw_object_end(w);
}

static int do_boot(char *const *argv, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct measure_image image;
    struct measure_shape shape;
    struct measure_acpi acpi;
    struct measure_tdx tdx;
    DS_TRY(measure_files_of(&image, argv, e));
    DS_TRY(shape_of(&shape, argv + 4, e));
    DS_TRY(measure_acpi_find(&acpi, &shape, e));
    DS_TRY(measure_tdx_predict(&tdx, &image, &shape, &acpi, e));
    struct ds_jw w = ds_jw_of(&b);
    put_boot(&w, &tdx);
    return print(&b, &w, e);
}

static const struct {
    const char *name, *operands;
    int n_operands;
    int (*run)(char *const *argv, struct ds_error *e);
} commands[] = {
    { "doc", "FIRMWARE KERNEL INITRD CMDLINE-FILE OUT", 5, do_doc },
    { "acpi", "VCPUS MEMORY-MIB NICS VOLUMES", 4, do_acpi },
    { "boot", "FIRMWARE KERNEL INITRD CMDLINE-FILE VCPUS MEMORY-MIB NICS VOLUMES", 8, do_boot },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < DS_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0 || argc != commands[i].n_operands + 2)
            continue;
        struct ds_error e = { 0 };
        if (commands[i].run(argv + 2, &e) == DS_OK)
            return 0;
        (void)fprintf(stderr, "measure: %s\n", e.msg);
        return 1;
    }
    for (size_t i = 0; i < DS_LEN(commands); i++)
        (void)fprintf(stderr, "usage: measure %s %s\n", commands[i].name, commands[i].operands);
    return 2;
}
