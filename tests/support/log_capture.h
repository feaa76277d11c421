/* What the log says during a test: captured lines, valid until the capture stops. */
#ifndef SN_TESTS_SUPPORT_LOG_CAPTURE_H
#define SN_TESTS_SUPPORT_LOG_CAPTURE_H

void log_capture_start(void);
/* Everything since the start; valid until the next stop. */
const char *log_capture_stop(void);

#endif
