/* again KERNEL INITRAMFS COMMAND-LINE: loads a kernel and starts it at once, with no firmware in between. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	int kernel, initramfs;

	if (count != 4)
		return 1;
	kernel = open(arguments[1], O_RDONLY);
	initramfs = open(arguments[2], O_RDONLY);
	if (kernel < 0 || initramfs < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initramfs, strlen(arguments[3]) + 1, arguments[3], 0UL)) {
		perror("again");
		return 2;
	}
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
	perror("again");
	return 3;
}
