@echo off
rem SPDX-License-Identifier: GPL-2.0
rem Windows: the card that leads to the host's REST service and nowhere else.
rem Run as administrator:  azattest-netsh.cmd "Ethernet 2"
rem
rem Any address of 169.254.0.0/16 but the service's will do, the same in every
rem VM too: the host tells VMs apart by their cards. Windows takes one by itself,
rem but only a minute after no DHCP server has answered.

if "%~1"=="" (
	echo azattest-netsh: name the card, as "netsh interface show interface" does
	exit /b 2
)
netsh interface ipv4 set address name="%~1" source=static address=169.254.10.10 mask=255.255.0.0 || exit /b 1
netsh interface ipv4 set dnsservers name="%~1" source=static address=none register=none || exit /b 1
netsh interface ipv4 add route prefix=169.254.169.253/32 interface="%~1" store=persistent
