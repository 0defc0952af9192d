"""['attempts', 'shares']"""
