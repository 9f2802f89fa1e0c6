<?php
# As VICIdial's: includes options.php before anything of the request is read, then connects.
if (file_exists('options.php')) { require('options.php'); }
$link = mysqli_connect('db1', 'cron', '1234', 'asterisk');
