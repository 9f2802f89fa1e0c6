<?php
# The operator's own options.
$user_login_first = '1';
$operators_option = 'kept';
?>
