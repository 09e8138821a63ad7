# A page that tells which machine answered, in its text and in the header X-Served-By. Windows Server 2022 and 2025.
#
# CustomScriptExtension runs it once, as SYSTEM, in Windows PowerShell 5.1. The files are written before IIS is
# installed: its welcome page, which answers 200 and names no machine, is never served. Nothing is downloaded: the role
# is on the image's disk. The words between at-signs are filled in by wizard.blueprint.windows, which also takes out
# comments and indentation: a command line on Windows ends at 8191 characters.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$name = hostname
$root = 'C:\inetpub\wwwroot'
$config = @'
<?xml version="1.0" encoding="UTF-8"?>
<configuration>
<system.webServer>
<httpProtocol><customHeaders><clear /><add name="X-Served-By" value="NAME" /><add name="Cache-Control" value="no-store" /></customHeaders></httpProtocol>
<defaultDocument><files><clear /><add value="index.html" /></files></defaultDocument>
<staticContent><mimeMap fileExtension="." mimeType="text/plain" /></staticContent>
</system.webServer>
</configuration>
'@
$page = @'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>NAME</title>
<style>
:root { color-scheme: light dark }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; padding: 2.5rem; border: 1px solid #8886; border-top: 4px solid #0b62d6; border-radius: 12px }
h1 { font: 600 2.5rem/1.2 monospace; overflow-wrap: anywhere }
</style>
<main>
<p>This answer came from</p>
<h1>NAME</h1>
<p>Every answer names its machine here and in the header <code>X-Served-By</code>. A new connection may meet another one.</p>
</main>
</html>
'@
New-Item -ItemType Directory -Force -Path $root | Out-Null
Set-Content -Path "$root\web.config" -Value $config.Replace('NAME', $name)
Set-Content -Path "$root\index.html" -Value $page.Replace('NAME', $name)
@PROBE@
Install-WindowsFeature -Name Web-Server | Out-Null
@PORT@
