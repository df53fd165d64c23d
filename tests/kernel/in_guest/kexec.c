/* What scripts use of kexec-tools: kexec -l KERNEL --initrd=FILE --reuse-cmdline, and kexec -e. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	char line[4096];
	int kernel, initramfs, text;
	long length;

	if (count == 2 && !strcmp(arguments[1], "-e")) {
		sync();
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
		perror("kexec");
		return 3;
	}
	if (count != 5 || strcmp(arguments[1], "-l") || strncmp(arguments[3], "--initrd=", 9))
		return 1;
	text = open("/proc/cmdline", O_RDONLY);
	length = read(text, line, sizeof(line));
	if (length < 1)
		return 2;
	line[length - 1] = 0;
	kernel = open(arguments[2], O_RDONLY);
	initramfs = open(arguments[3] + 9, O_RDONLY);
	if (kernel < 0 || initramfs < 0 || syscall(SYS_kexec_file_load, kernel, initramfs, length, line, 0UL)) {
		perror("kexec");
		return 2;
	}
	return 0;
}
