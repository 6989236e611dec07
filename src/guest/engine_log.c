/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a log, or the word that it stays inside.
 */
#include "guest/engine_log.h"

#include "base/file.h"

#define LOG_TAIL 600 /* bytes of a log that fit into a message with room to spare */
#define LOG_MAX  ((size_t)16 << 20)

int guest_engine_fail(struct ds_error *e, int cls, enum ds_code code, const char *what,
                      const char *log_path, bool logs_are_public)
{
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    struct ds_error ignored; /* without its log the failure is still told */
    if (!logs_are_public)
        return ds_refuse(e, cls, code, what, "success",
                         "a failure; its output stays in the VM, for public_logs is false",
                         "app-compose");
    if (ds_file_load(&log, log_path, LOG_MAX, &ignored) < 0)
        ds_buf_clear(&log);
    size_t from = log.len > LOG_TAIL ? log.len - LOG_TAIL : 0;
    return ds_refuse(e, cls, code, what, "success", log.p != NULL ? log.p + from : "no log",
                     "container engine");
}
